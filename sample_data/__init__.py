"""Two made worlds of everyday how-to questions, a small language model for them, and the scripts that rebuild both."""
