"""Coverage laboratory: does the printed interval contain the truth as often as it says?

The laboratory is written apart from the method it tests. It has its own loads, meters and truth,
and shares no formula with `harness`: a load is a curve of power, its energy the sum under that
curve, a meter a way to read the curve with known errors. Its readings go through the public
interface as those of any entry do.

    python -m benchmarks.laboratory                      # all cells, as the tables of the docs
    python -m benchmarks.laboratory --only clock         # cells of one group
    python -m benchmarks.laboratory --sessions 200       # faster

Coverage is the share of sessions whose interval contains the truth; nominal is 95 %. Width is that
of the interval over that of the narrowest one that an oracle could print: one that knows the
distribution of the errors of the value.
"""
