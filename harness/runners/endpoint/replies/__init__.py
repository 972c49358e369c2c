"""What stored replies show: tokens by a reference tokenizer, and how like two servers answer."""
