"""How good the rules and forecasts are: held against faults that are known, and against what came true."""
