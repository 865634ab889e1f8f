"""Published weights: fetched, read without running code, converted to models of ours."""
