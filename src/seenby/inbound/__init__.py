"""Mail that comes to us from the world: what it says, read tolerantly. It decides nothing; flow.take_back does."""
