# not a state
