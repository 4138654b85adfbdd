"""Reading the text of pictures whose data set brings none."""
