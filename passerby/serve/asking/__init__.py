"""What a request asks: pictures, filters, whose gallery."""
