"""The command that writes skeletons, with their templates."""
