"""What a checkpoint predicts after each layer.

Records, read-out, attribution, the process that traces, its client. torch in `attribution`, `checkpoints`, `process`,
`readout` and `trace` alone.
"""
