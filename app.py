"""The web app: ``python app.py`` is ``kb serve``, with the same options."""

import sys

from kb.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["serve"]
    main()
