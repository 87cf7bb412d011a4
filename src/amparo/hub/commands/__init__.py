"""What can be done with the hub. Pages, the JSON API and the command line all call these and nothing below them."""
