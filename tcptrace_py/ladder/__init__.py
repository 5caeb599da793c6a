"""ONE CONNECTION → A LADDER: its frames between two lifelines, with the states, marks and findings beside them."""
