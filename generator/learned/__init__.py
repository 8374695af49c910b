"""What programs have learned, as files: trained, imported, and frozen into programs.

    training -> values <- pytorch
                values -> freezing

`values` is the file and its names; `training` runs a program and reads its bargraphs; `pytorch`
reads a state dict; `freezing` puts numbers in the place of sliders.
"""
