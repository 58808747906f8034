"""The methods of the Web API, one module per family; `call` holds what they share."""
