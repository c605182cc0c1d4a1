"""Features of a frame: cepstrum, energy, zero crossings, pitch, voicing, and their deltas."""

MFCC = tuple(f"mfcc_{k}" for k in range(1, 13))
_STATIC = {
    "lee2015": (*MFCC, "log_energy", "zero_crossings", "f0", "voicing"),
    "han2014": (*MFCC, "log_energy", "period", "hnr"),
}
ROWS = {  # of an array of features, in order
    name: (*rows, *(f"delta_{row}" for row in rows)) for name, rows in _STATIC.items()
}
