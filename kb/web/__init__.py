"""What the browser shows: values of the knowledge base as HTML, figures and plain rows. Nothing here knows the web server."""
