"""A corpus of flows over every action, right and wrong ones, with the real servers and the small till they run on."""
