//! Prompts to embeddings: through every text encoder of the model, the negative prompt first.

use super::Pipeline;
use crate::error::Result;
use crate::exec::Executor;
use crate::model::TextEncoder;
use crate::prompt_weights::{self, Chunk};
use crate::weights::Source;
use protocol::{Cut, GenerateRequest};

/// What the UNet reads of the prompts. B is 2 with guidance (negative first), else 1.
#[derive(Clone, Debug, Default)]
pub struct Embedded {
    /// `[B, T, D]`; several encoders' channels side by side.
    pub embeds: Vec<f32>,
    /// `[B, P]`: the whole text in one vector, where the model wants it.
    pub pooled: Option<Vec<f32>>,
    /// T: one context, or several where the prompt's weights are read and it is long.
    pub tokens: usize,
    /// Text that did not fit.
    pub cut: Vec<Cut>,
}

impl Embedded {
    /// Of a pair, what the prompt gave: the second half.
    pub fn prompt_alone(&self) -> Self {
        let half = |data: &Vec<f32>| data[data.len() / 2..].to_vec();
        Self { embeds: half(&self.embeds), pooled: self.pooled.as_ref().map(half), ..self.clone() }
    }
}

/// One text after all encoders.
struct Text {
    embeds: Vec<f32>,
    pooled: Option<Vec<f32>>,
}

impl<E: Executor, S: Source> Pipeline<E, S> {
    /// Embeddings of the prompt, preceded by those of the negative prompt if guidance is on.
    pub(super) async fn encode(&self, request: &GenerateRequest, guided: bool) -> Result<Embedded> {
        let negative = request.negative_prompt.as_deref();
        // Upstream tells a negative prompt that was left out from an empty one, where the model says so.
        let zeros = guided && negative.is_none() && self.model.force_zeros_for_empty_prompt;
        let mut texts = vec![("prompt", request.prompt.as_str())];
        if guided && !zeros {
            texts.insert(0, ("negative", negative.unwrap_or("")));
        }
        let mut cut = Vec::new();
        let chunks = if request.prompt_weights { self.weighted(&texts)? } else { self.plain(&texts, &mut cut)? };

        let contexts = chunks[0][0].len();
        let mut out = Embedded { tokens: contexts * self.model.tokens(), cut, ..Embedded::default() };
        for t in 0..texts.len() {
            let of_encoders: Vec<&[Chunk]> = chunks.iter().map(|texts| texts[t].as_slice()).collect();
            let text = self.encode_text(&of_encoders).await?;
            if zeros {
                out.embeds = vec![0.0; text.embeds.len()];
                out.pooled = text.pooled.as_ref().map(|pooled| vec![0.0; pooled.len()]);
            }
            out.embeds.extend(text.embeds);
            if let Some(pooled) = text.pooled {
                out.pooled.get_or_insert_default().extend(pooled);
            }
        }
        Ok(out)
    }

    /// For each encoder and text one context; what does not fit is cut off and noted.
    fn plain(&self, texts: &[(&str, &str)], cut: &mut Vec<Cut>) -> Result<Vec<Vec<Vec<Chunk>>>> {
        let mut dropped = vec![0; texts.len()];
        let mut all = Vec::with_capacity(self.model.text.len());
        for encoder in &self.model.text {
            let mut of_texts = Vec::with_capacity(texts.len());
            for ((_, text), dropped) in texts.iter().zip(&mut dropped) {
                let encoded = encoder.tokenizer.encode(text)?;
                *dropped = encoded.dropped.max(*dropped);
                let weights = vec![1.0; encoded.ids.len()];
                of_texts.push(vec![Chunk { ids: encoded.ids, weights }]);
            }
            all.push(of_texts);
        }
        let limit = self.model.tokens() as u32 - 2;
        let cuts = texts.iter().zip(dropped).filter(|(_, dropped)| *dropped > 0);
        cut.extend(cuts.map(|((field, _), dropped)| Cut { field: (*field).into(), tokens: dropped as u32, limit }));
        Ok(all)
    }

    /// For each encoder and text as many contexts as the longest text takes in any of them.
    fn weighted(&self, texts: &[(&str, &str)]) -> Result<Vec<Vec<Vec<Chunk>>>> {
        let mut all = Vec::with_capacity(self.model.text.len());
        for encoder in &self.model.text {
            let of_texts = texts.iter().map(|(_, text)| prompt_weights::chunks(&encoder.tokenizer, text));
            all.push(of_texts.collect::<Result<Vec<_>>>()?);
        }
        let most = all.iter().flatten().map(Vec::len).max().unwrap_or(1);
        for (encoder, of_texts) in self.model.text.iter().zip(&mut all) {
            of_texts.iter_mut().for_each(|chunks| prompt_weights::lengthen(&encoder.tokenizer, chunks, most));
        }
        Ok(all)
    }

    async fn encode_text(&self, of_encoders: &[&[Chunk]]) -> Result<Text> {
        let mut all = Vec::with_capacity(self.text.len());
        let mut pooled = None;
        for ((encoder, module), chunks) in self.model.text.iter().zip(&self.text).zip(of_encoders) {
            let mut embeds = Vec::new();
            for (i, chunk) in chunks.iter().enumerate() {
                let ids = self.exec.upload_ids(&chunk.ids)?;
                let values = self.exec.run(module, &[("ids", &ids)]).await?;
                let mut values = self.exec.download_all(&values).await?.into_iter();
                let mut hidden = values.next().unwrap_or_default();
                prompt_weights::apply(&mut hidden, &chunk.weights);
                embeds.extend(hidden);
                // The first context stands for the whole text.
                if let Some(every) = values.next().filter(|_| i == 0) {
                    pooled = Some(pooled_token(encoder, &chunk.ids, &every));
                }
            }
            all.push((encoder.config.hidden_size, embeds));
        }
        Ok(Text { embeds: side_by_side(&all), pooled })
    }
}

/// The projected state of the token that stands for the whole text.
fn pooled_token(encoder: &TextEncoder, ids: &[u32], every: &[f32]) -> Vec<f32> {
    let width = every.len() / ids.len();
    every[encoder.config.pooled_token(ids) * width..][..width].to_vec()
}

/// `[T, D]` of each encoder to `[T, sum of D]`.
fn side_by_side(all: &[(usize, Vec<f32>)]) -> Vec<f32> {
    let tokens = all.first().map_or(0, |(width, data)| data.len() / width);
    let row = |t: usize| all.iter().flat_map(move |(width, data)| data[t * width..][..*width].iter().copied());
    (0..tokens).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoders_stand_side_by_side_in_every_token() {
        let all = [(1, vec![1.0, 2.0]), (2, vec![3.0, 4.0, 5.0, 6.0])];
        assert_eq!(side_by_side(&all), [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
    }
}
