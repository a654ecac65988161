"""What is learnt from records: a live profile of the models, and which does well at what. Pure."""
