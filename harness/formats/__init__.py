"""Foreign and own formats: each file knows one; `find` walks a tree and reads what it knows."""
