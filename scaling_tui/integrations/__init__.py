"""Callbacks that write the runs of other trainers as run folders, a module for each library, which it alone imports."""
