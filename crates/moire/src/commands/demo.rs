/// Says what to run, as long as there are no networks to show it on.
pub(crate) fn run() {
    println!(
        "moire audits deepfake detectors: how little does it take to fool one, does the change survive being \
         saved, is noise of the same size enough? And it protects photographs: edits of them break.\n\n\
         It ships no networks of its own yet, so a demonstration needs a checkpoint and a folder of images:\n\n  \
         moire zoo list            what can be loaded, and where its checkpoints are published\n  \
         moire audit ynet:DIR mesoinception4:FILE.h5 --data FACES --attack fgsm,pgd,urn --eps 1/255,2/255,4/255\n  \
         moire protect PHOTOGRAPHS --editor stargan:FILE.ckpt --finder retinaface:FILE.pth --attributes Young\n\n\
         FACES holds two folders, real and fake, of PNG, JPEG or WebP images. The audit ends in \
         moire-study/report.html, which opens in any browser."
    );
}
