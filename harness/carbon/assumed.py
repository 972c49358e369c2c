"""Uncertainties assumed where a source states none, each with its evidence.

This is the one place to change them.
"""

from __future__ import annotations

import math

ANNUAL_U_LN = 0.12 / math.sqrt(2)
"""Annual intensity of a zone: two data sets for one year differ by 12 % in the median of 55
countries (OWID against Electricity Maps, 2024), and each has its part of that."""

WITHIN_YEAR_U_LN = math.log(3.3) / (2 * 1.645)
"""An annual mean taken for hours it does not name: within a year the 95th percentile is 3.3 times
the 5th (Germany and France 2020, California 2022), read as a normal logarithm."""

HOURLY_U_LN = ANNUAL_U_LN
"""Level of an hourly series: same plants, same factors per fuel, same boundary as the annual figure
made from it."""

PRINTED_INTENSITY_U_LN = 0.05
"""Intensity that an operator states for its own site and time: instruments are metered, factors per
fuel are not."""

PUE_U_LN = 0.02
"""PUE stated for a site: quarters of one site lie 1.08 to 1.12 (Google, as printed in Patterson
2021 and 2022)."""

POWER_MEASURED_U_LN = 0.05 / math.sqrt(3)
"""Mean system power from sensors of unknown type: limit of 5 %, uniform."""

POWER_BORROWED_U_LN = 0.10
"""Mean system power of another model on the same chip: standard deviation over four models on TPU
v3 (Patterson 2021, Table 3)."""

POWER_TDP_U_LN = 0.22
"""Rated power taken for mean system power: scatter of ln(measured / TDP) over the ten rows of
Tables 1 and 4 of Patterson 2021, whose ratios go from 0.54 to 1.10."""
