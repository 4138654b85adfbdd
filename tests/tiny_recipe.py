"""Towers, and a recipe, with which the whole offline job takes seconds."""

TOWERS = """
[towers]
shared = true
image_size = 64
image = { name = "tiny" }
text = { name = "tiny" }
"""

RECIPE = f"""{TOWERS}
[training]
epochs = 2
learning_rate = 1e-3

[explain]
evaluations = 64
segments = 30

[runtime]
runtime = "openvino"
precision = "float32"
"""
