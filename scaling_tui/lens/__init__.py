"""What a checkpoint predicts after each layer.

Only `attribution`, `checkpoints`, `process`, `readout` and `trace` import torch; `client` starts `process` and talks to
it, so the app and the commands never load torch themselves.
"""
