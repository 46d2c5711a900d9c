"""Will they come: the chance that a booked visit is missed or cancelled late."""
