"""Commands on CO2e, and the options that name a grid."""
