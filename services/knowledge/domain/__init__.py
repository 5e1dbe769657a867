"""Rules of knowledge: how text becomes search terms, and what an article is."""
