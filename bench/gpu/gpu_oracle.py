"""Logits of a model folder as transformers computes them, in float32 on the GPU.

    python3 gpu_oracle.py FOLDER TOKENS.txt OUT.f32

TOKENS.txt has a token id a line; OUT.f32 gets [n, n_vocab] float32, as gpu_logits writes them.
Exit code 77, and why, where torch, a GPU or the model's class is missing.
"""
import sys


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def main(folder, tokens_path, out_path):
    try:
        import torch
        import transformers
    except ImportError as error:
        skip(str(error))
    if not torch.cuda.is_available():
        skip("torch sees no GPU")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    with open(tokens_path) as file:
        tokens = [int(line) for line in file]
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager")
        model = model.to("cuda").eval()
        with torch.no_grad():
            logits = model(torch.tensor([tokens], device="cuda"), use_cache=False).logits[0]
    except Exception as error:  # there is nothing to compare with
        skip("transformers %s: %s" % (transformers.__version__, error))
    logits.float().cpu().numpy().tofile(out_path)
    print("torch %s, transformers %s, %s: %d rows" % (
        torch.__version__, transformers.__version__, type(model).__name__, len(tokens)))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
