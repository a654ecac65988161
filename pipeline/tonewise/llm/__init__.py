"""What is the answer? One file per kind of API, and `dispatch`, which walks a plan's attempts."""
