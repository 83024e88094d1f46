"""Everything that commands print and screens quote, as text and JSON documents. No Textual."""
