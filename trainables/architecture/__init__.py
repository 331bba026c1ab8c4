"""Search spaces, supernets and networks."""
