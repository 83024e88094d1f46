"""Figures of curves, laws and plans, and how they become character cells or pictures. No Textual."""
