"""What may be learnt about whom: policy at acceptance, and how long evidence is kept."""
