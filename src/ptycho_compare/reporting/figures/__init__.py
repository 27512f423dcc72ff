"""The figures of a comparison: all arms side by side, their ring correlation, their residuals; of a training.

Equal input gives equal bytes, and every file is whole or absent. Nothing here imports
matplotlib before a figure is drawn.
"""
