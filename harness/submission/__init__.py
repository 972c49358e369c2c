"""Submissions: pack run directories with a system description and a manifest."""
