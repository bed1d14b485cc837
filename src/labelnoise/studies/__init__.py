"""Jobs from data to result folder: curves of any data, the demo, and the paper's noise levels."""
