"""What the children's paths are worth, and to whom: contracts, payments, capital and returns.

The path of a dollar: `evaluation` (what the evaluator reports) -> `payments` (what the payers owe) -> `waterfall`
(who gets the cash, and when) -> `returns` (what that is a year). `budget` holds that sources equal uses, and
`valuation.value_deal` runs it all for one deal and one study. Everything is an array over samples, one sample being
one pair of draw and world; dollars are whole cents (`money`), so that none is lost.
"""
