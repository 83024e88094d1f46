"""What a checkpoint predicts after each layer.

`attribution`, `checkpoints`, `process`, `readout`, `trace`, `trained` and `hugging_face.model` alone import torch;
`client` starts `process` and talks to it, so the app and the commands never load torch themselves.
"""
