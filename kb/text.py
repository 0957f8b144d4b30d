"""Raw text to cleaned text and tokens. Pure."""
