"""Files of other power loggers, each an entry of one run: what their readers share.

- `log`: what a reader makes of a file, and what stands beside it;
- `cells`: rows, numbers and time stamps of text files;
- `reader`: the contract of a reader, and the way from its log to an entry.

The readers themselves are in `harness.formats.loggers`.
"""
