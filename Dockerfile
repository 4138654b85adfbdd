# Two images: `app`, the browser alone, small; `precompute`, the offline job, with torch and the models on top of it.
FROM python:3.12-slim AS app
WORKDIR /shelf-lens
COPY requirements-app.txt .
RUN pip install --no-cache-dir -r requirements-app.txt
COPY db db
COPY app app
COPY assets assets
EXPOSE 7860
CMD ["python", "-m", "app", "--db", "sqlite:////data/explanations.db", "--host", "0.0.0.0", "--port", "7860"]

FROM app AS precompute
COPY requirements-precompute.txt .
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -r requirements-precompute.txt
COPY precompute precompute
CMD ["python", "-m", "precompute", "--help"]
