//! What the expert notes say: a claim, what is true of sampling, where that can be read, and a link that shows it here.

/// One note.
pub struct Note {
    /// The advice as it is given.
    pub claim: &'static str,
    /// What is true when a trained model makes a picture.
    pub truth: &'static str,
    /// Label and address.
    pub sources: &'static [(&'static str, &'static str)],
    /// What to look for, label and fragment of each demonstration.
    pub demos: &'static [(&'static str, &'static str)],
    /// What to look for in them.
    pub look: &'static str,
}

/// In the order of the page.
pub const NOTES: &[Note] = &[
    Note {
        claim: "“Too many steps overfit.”",
        truth: "Sampling changes no weights, so nothing is learned and nothing can be overfitted. Pictures that a model \
                has memorised come from its training data and captions; the step count does not put them there. What \
                can be fitted too closely is your own choice of steps, if it was tried on one seed only.",
        sources: &[
            ("Carlini et al. 2023", "https://arxiv.org/abs/2301.13188"),
            ("Somepalli et al. 2023", "https://arxiv.org/abs/2305.20086"),
        ],
        demos: &[("Sweep 10 to 80 steps, one seed", "prompt=red%20heart&scheduler=euler&seed=7&sweep=10,20,40,80")],
        look: "The picture settles and stays. It does not turn into something else.",
    },
    Note {
        claim: "“More steps need more memory.”",
        truth: "Every step works in the memory of the one before, so the peak does not depend on their number. Only \
                what this page keeps for its film strip grows with it; “Save the denoising” above tells how much.",
        sources: &[(
            "The loop in diffusers",
            "https://github.com/huggingface/diffusers/blob/main/src/diffusers/pipelines/stable_diffusion/pipeline_stable_diffusion.py",
        )],
        demos: &[
            ("Run 5 steps", "prompt=red%20heart&scheduler=euler&seed=7&steps=5"),
            ("Run 50 steps", "prompt=red%20heart&scheduler=euler&seed=7&steps=50"),
        ],
        look: "“Kept in memory for the strip” grows tenfold; the time of a step stays the same.",
    },
    Note {
        claim: "“Tune batch size and learning rate along with the steps.”",
        truth: "Both belong to training. At sampling there is no learning rate, and making several pictures at once \
                changes how long that takes, not what they show. What does act together with the steps is the \
                scheduler, its spacing, guidance, and the strength of image to image.",
        sources: &[("DDIM, Song et al. 2020", "https://arxiv.org/abs/2010.02502")],
        demos: &[
            ("One picture", "prompt=blue%20car&scheduler=euler&seed=7&steps=12"),
            ("Four pictures, the same first seed", "prompt=blue%20car&scheduler=euler&seed=7&steps=12&pictures=4"),
        ],
        look: "The first of the four is the one picture, pixel by pixel.",
    },
    Note {
        claim: "“A model trained on more data needs more steps.”",
        truth: "There is no such rule. How few steps are enough is up to the solver, the noise schedule and \
                distillation: DPM-Solver++ reports good guided pictures in 15 to 20 steps where DDIM takes 100 to 250 \
                on the same model, and distilling that model brings it to 1 to 8.",
        sources: &[
            ("DPM-Solver++, Lu et al. 2022", "https://arxiv.org/abs/2211.01095"),
            ("Latent consistency models, Luo et al. 2023", "https://arxiv.org/abs/2310.04378"),
        ],
        demos: &[(
            "Sweep two solvers on one model",
            "prompt=green%20tree&seed=7&sweep=4,8,16,32&sweep-vary=scheduler&sweep-values=ddim%2Cdpmpp-2m",
        )],
        look: "Same weights, same noise, another number of steps until nothing changes.",
    },
    Note {
        claim: "“More steps explore more of the latent space.”",
        truth: "A deterministic sampler follows one path, and the seed decides which. More steps draw the same path \
                more finely. Other seeds explore.",
        sources: &[("Karras et al. 2022, section 3", "https://arxiv.org/abs/2206.00364")],
        demos: &[
            ("One path, drawn ever finer", "prompt=dog%20face&scheduler=euler&seed=7&sweep=5,10,20,40"),
            ("Four seeds", "prompt=dog%20face&scheduler=euler&seed=7&steps=12&pictures=4"),
        ],
        look: "Steps sharpen one dog. Seeds bring other dogs.",
    },
    Note {
        claim: "“More steps are always better.”",
        truth: "They are a better solution of the sampler's equation, until that is solved. That need not be a picture \
                that you like better, and distilled models can get worse: LCM's own FID falls from 35.4 at 1 step to \
                11.1 at 4 and rises to 11.8 at 8. Samplers that draw noise in every step end in another picture at \
                every count.",
        sources: &[
            ("Latent consistency models, Luo et al. 2023", "https://arxiv.org/abs/2310.04378"),
            ("TCD, Zheng et al. 2024", "https://arxiv.org/abs/2402.19159"),
        ],
        demos: &[(
            "Sweep a sampler that draws noise",
            "prompt=smiling%20face&scheduler=euler-a&seed=7&sweep=4,8,16,32,64",
        )],
        look: "It never settles: with Euler a, each count has a picture of its own.",
    },
    Note {
        claim: "“Step 10 of a long run shows what 10 steps give.”",
        truth: "A run of 10 steps spreads them over all noise levels and ends clean. Step 10 of 40 is still in the \
                middle of the noise: it shows a guess on the way, not a result.",
        sources: &[("DDIM, Song et al. 2020, section 4.2", "https://arxiv.org/abs/2010.02502")],
        demos: &[
            ("Run 40 steps, then go back to step 10", "prompt=red%20heart&scheduler=euler&seed=7&steps=40"),
            ("Run 10 steps", "prompt=red%20heart&scheduler=euler&seed=7&steps=10"),
        ],
        look: "Compare step 10 of the first with the result of the second, in the strip and on the noise curve.",
    },
];
