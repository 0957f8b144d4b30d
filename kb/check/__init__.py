"""`kb verify`: any Markdown report with GitHub and arXiv links, held against the store sentence by sentence."""
