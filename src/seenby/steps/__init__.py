"""What the steps of the story are made of. Which comes when, and what each promises, stands in flow.py."""
