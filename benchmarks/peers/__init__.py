"""Scripts and locks of the peers of `peer_rounds`; each script runs under its own Python."""
