"""Synthetic avtaler. Nobody's names, numbers or addresses.

* `avtale`: an avtale and its life, with fields that agree with one another.
  `fields.json` has examples of the fields that are not shared.
* `draws`: random values, the same in every version of Python.
"""
