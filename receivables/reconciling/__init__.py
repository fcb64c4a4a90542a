"""What the gateway says happened, read again and compared with the books."""
