import torch

# Several threads on a machine whose cores are taken wait for each other; for models this small one is fastest.
torch.set_num_threads(1)
