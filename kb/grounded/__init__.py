"""A model's sentences held to their evidence: what it is shown, what it answers, and what of that may stand."""
