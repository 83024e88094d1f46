"""Models from disk in Hugging Face's layout: a folder with config.json, safetensors weights and a tokenizer.

`folder` finds and checks such folders and `tokenizer` reads their tokenizers, both without torch; `model` alone imports
torch and transformers (the extra `hf`). Nothing is downloaded and no code of a folder runs.
"""
