"""Plots as inline SVG: coloured by the style sheet, each with the table of its data."""
