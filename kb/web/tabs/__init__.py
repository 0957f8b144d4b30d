"""The widgets of the web app, a module for each tab; what they show is made in ``kb.web`` and tested without them."""
